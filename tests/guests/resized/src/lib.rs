//! A plugin that puts other bodies in place of those that come: as many bytes as the request asks for.

use weir_plugin_sdk::{
    About, ConfigProblem, Deliver, DeliverWithBody, Failure, Input, InputList, Inputs, JsonSchema, Plugin,
    Proceed, ProceedWithBody, RequestBody, RequestBodyVerdict, RequestHead, RequestVerdict, ResponseBody,
    ResponseBodyVerdict, ResponseHead, ResponseVerdict, Setup, Slot, schemars,
};

/// Bytes that are collected of a body that is to be replaced.
const MOST: u64 = 1 << 20;

/// Nothing to say.
#[derive(Debug, serde::Deserialize, JsonSchema)]
pub struct Config {}

/// The plugin, configured for one assignment.
pub struct Resized {
    size: Slot,
}

impl Plugin for Resized {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
    }

    fn configure(_: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let mut inputs = InputList::new();
        let size = inputs.want(Input::Header("x-size".into()));
        let setup = Setup::new().request_head(inputs).request_body();
        Ok((Self { size }, setup.response_head(InputList::new()).response_body()))
    }
}

/// The body that is asked for.
fn body(size: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
    let text = size.and_then(|size| std::str::from_utf8(size).ok()).unwrap_or_default();
    let size = text.parse().map_err(|_| Failure::permanent("x-size is no number"))?;
    Ok(vec![b'x'; size])
}

impl RequestHead for Resized {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let size = inputs.text(self.size).unwrap_or_default();
        Ok(Proceed::new().buffer(MOST).carry(size.as_bytes().to_vec()).into())
    }
}

impl RequestBody for Resized {
    fn on_request_body(&mut self, carry: Option<&[u8]>) -> Result<RequestBodyVerdict, Failure> {
        Ok(ProceedWithBody::new().replace(body(carry)?).into())
    }
}

impl ResponseHead for Resized {
    fn on_response_head(&mut self, _: &Inputs, _: Option<&[u8]>) -> Result<ResponseVerdict, Failure> {
        Ok(Deliver::new().buffer(MOST).into())
    }
}

impl ResponseBody for Resized {
    fn on_response_body(&mut self, carry: Option<&[u8]>) -> Result<ResponseBodyVerdict, Failure> {
        Ok(DeliverWithBody::new().replace(body(carry)?).into())
    }
}

weir_plugin_sdk::export!(Resized: request_head, request_body, response_head, response_body);
