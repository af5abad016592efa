//! Counts the bytes of bodies while they stream past; nothing is held back, however long they are.
//!
//! One instance serves a body from its head to its end, so what is counted may live in the plugin.

use serde::Deserialize;
use weir_plugin_sdk::{
    About, Chunk, ConfigProblem, Deliver, Failure, Header, HeaderOp, InputList, Inputs, JsonSchema, Plugin,
    Proceed, RequestHead, RequestStream, RequestVerdict, ResponseHead, ResponseStream, ResponseTrailers,
    ResponseVerdict, Setup, schemars,
};

/// What the operator says in an assignment.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// A body that becomes longer is broken off.
    #[serde(default)]
    max_bytes: Option<u64>,
    /// Whether to say at the end of responses how long they were.
    #[serde(default)]
    summary: bool,
    /// Bodies are looked at up to here; what follows passes without a call.
    #[serde(default)]
    only_bytes: Option<u64>,
}

/// The plugin, configured for one assignment.
pub struct ChunkCount {
    config: Config,
    bytes: u64,
    chunks: u64,
}

impl Plugin for ChunkCount {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(730)
    }

    fn configure(config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        let setup = Setup::new()
            .request_head(InputList::new())
            .request_stream()
            .response_head(InputList::new())
            .response_stream()
            .response_trailers();
        Ok((Self { config, bytes: 0, chunks: 0 }, setup))
    }
}

impl ChunkCount {
    fn begin(&mut self) {
        (self.bytes, self.chunks) = (0, 0);
    }

    fn count(&mut self, chunk: &[u8]) -> Chunk {
        self.bytes += chunk.len() as u64;
        self.chunks += u64::from(!chunk.is_empty());
        if self.config.max_bytes.is_some_and(|most| self.bytes > most) {
            return Chunk::Abort(format!("longer than {} bytes", self.config.max_bytes.unwrap_or_default()));
        }
        if self.config.only_bytes.is_some_and(|only| self.bytes >= only) {
            return Chunk::ForwardRest;
        }
        Chunk::Forward
    }
}

impl RequestHead for ChunkCount {
    fn on_request_head(&mut self, _: &Inputs) -> Result<RequestVerdict, Failure> {
        self.begin();
        Ok(Proceed::new().stream().into())
    }
}

impl RequestStream for ChunkCount {
    fn on_request_chunk(&mut self, chunk: Vec<u8>, _last: bool) -> Chunk {
        self.count(&chunk)
    }
}

impl ResponseHead for ChunkCount {
    fn on_response_head(&mut self, _: &Inputs, _: Option<&[u8]>) -> Result<ResponseVerdict, Failure> {
        self.begin();
        Ok(Deliver::new().stream().into())
    }
}

impl ResponseStream for ChunkCount {
    fn on_response_chunk(&mut self, mut chunk: Vec<u8>, last: bool) -> Chunk {
        let verdict = self.count(&chunk);
        if !(verdict == Chunk::Forward && last && self.config.summary) {
            return verdict;
        }
        chunk.extend(format!("\n{} bytes\n", self.bytes).into_bytes());
        Chunk::Replace(chunk)
    }
}

impl ResponseTrailers for ChunkCount {
    fn on_response_trailers(&mut self, _: &[Header]) -> Vec<HeaderOp> {
        vec![HeaderOp::to_set("x-bytes", self.bytes.to_string())]
    }
}

weir_plugin_sdk::export!(ChunkCount: request_head, request_stream, response_head, response_stream, response_trailers);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_plugin_sdk::testing::{Request, Response, Tester};

    use super::*;

    #[test]
    fn a_response_is_counted_and_said_so() {
        let mut tester = Tester::<ChunkCount>::new(&json!({ "summary": true })).unwrap();
        tester.response_head(&Request::get("/"), &Response::new(200));
        assert_eq!(tester.response_chunks(&[b"abc", b"de", b""]).unwrap(), b"abcde\n5 bytes\n");
        assert_eq!(tester.response_trailers(&[]), [HeaderOp::to_set("x-bytes", "5")]);
    }

    #[test]
    fn what_is_too_long_is_broken_off() {
        let mut tester = Tester::<ChunkCount>::new(&json!({ "max_bytes": 4 })).unwrap();
        tester.request_head(&Request::get("/"));
        assert_eq!(tester.request_chunks(&[b"abc", b"de"]), Err("longer than 4 bytes".to_owned()));
        tester.request_head(&Request::get("/"));
        assert_eq!(tester.request_chunks(&[b"abc", b"d"]).unwrap(), b"abcd", "the count begins anew");
    }
}
