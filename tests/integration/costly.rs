//! A component that keeps the compiler busy.

/// A component that passes every bound of the scan and takes many seconds to compile.
pub(crate) fn costly() -> Vec<u8> {
    let (functions, turns) = (64, 8000);
    // (func (param i32) local.get 0, i32.const 7, i32.add, local.set 0, and again)
    let turn: &[u8] = &[0x20, 0, 0x41, 7, 0x6a, 0x21, 0];
    let body = [&[0], turn.repeat(turns).as_slice(), &[0x0b]].concat();
    let body = [leb(body.len()), body].concat();
    let sections = [
        section(1, &[1, 0x60, 1, 0x7f, 0]),
        section(3, &[leb(functions), vec![0; functions]].concat()),
        section(10, &[leb(functions), body.repeat(functions)].concat()),
    ];
    let module = [b"\0asm\x01\0\0\0".as_slice(), &sections.concat()].concat();
    [b"\0asm\x0d\0\x01\0".as_slice(), &section(1, &module)].concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], leb(content.len()), content.to_vec()].concat()
}

/// Seven bits a byte, the lowest first.
fn leb(number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = number;
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap_or(0));
    bytes
}
