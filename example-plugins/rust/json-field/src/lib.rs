//! Looks into JSON bodies: a field goes into a header, another one leaves the body.
//!
//! The head waits for the body (`buffer`), so the header can still be set. The gateway itself looks the
//! field up; the body comes into the plugin only if it has to be written anew.

use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{
    About, ConfigProblem, Deliver, DeliverWithBody, Failure, Input, InputList, Inputs, JsonSchema, Plugin,
    Proceed, ProceedWithBody, RequestBody, RequestBodyVerdict, RequestHead, RequestVerdict, ResponseBody,
    ResponseBodyVerdict, ResponseHead, ResponseVerdict, Setup, Slot, body, schemars,
};

/// Which message is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Message {
    Request,
    Response,
}

/// What the operator says in an assignment.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// Which message is looked into.
    #[serde(default = "default_message")]
    message: Message,
    /// Where the field is: a JSON pointer (RFC 6901).
    #[schemars(pattern(r"^/"))]
    pointer: String,
    /// The header that is set to its value.
    header: String,
    /// A field at the top of the body that is taken out.
    #[serde(default)]
    remove: Option<String>,
    /// Longer bodies are refused.
    #[serde(default = "default_max_bytes")]
    max_bytes: u64,
}

fn default_message() -> Message {
    Message::Request
}

fn default_max_bytes() -> u64 {
    64 << 10
}

/// The plugin, configured for one assignment.
pub struct JsonField {
    config: Config,
    content_type: Slot,
    content_encoding: Slot,
}

/// What a body led to: the value of the header, and another body.
type Found = (Option<String>, Option<Vec<u8>>);

impl Plugin for JsonField {
    type Config = Config;

    fn about() -> About {
        About::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .description(env!("CARGO_PKG_DESCRIPTION"))
            .priority(740)
    }

    fn configure(mut config: Config) -> Result<(Self, Setup), Vec<ConfigProblem>> {
        config.header.make_ascii_lowercase();
        let mut inputs = InputList::new();
        let content_type = inputs.want(Input::Header("content-type".into()));
        let content_encoding = inputs.want(Input::Header("content-encoding".into()));
        let setup = match config.message {
            Message::Request => Setup::new().request_head(inputs).request_body(),
            Message::Response => Setup::new().response_head(inputs).response_body(),
        };
        Ok((Self { config, content_type, content_encoding }, setup))
    }
}

impl JsonField {
    /// Whether the body is JSON that can be read: the gateway hands compressed bodies over as they are.
    fn can_read(&self, inputs: &Inputs) -> bool {
        let json = inputs.text(self.content_type).is_some_and(|kind| kind.contains("json"));
        json && !inputs.is_present(self.content_encoding)
    }

    fn look(&self) -> Result<Found, String> {
        let found = body::json_pointers(std::slice::from_ref(&self.config.pointer))?;
        let value = found.into_iter().next().flatten().map(|text| match serde_json::from_str(&text) {
            Ok(serde_json::Value::String(text)) => text,
            Ok(_) | Err(_) => text,
        });
        let Some(remove) = &self.config.remove else { return Ok((value, None)) };
        let mut json: serde_json::Value =
            serde_json::from_slice(&body::all()).map_err(|error| error.to_string())?;
        let removed = json.as_object_mut().and_then(|fields| fields.remove(remove));
        Ok((value, removed.map(|_| json.to_string().into_bytes())))
    }
}

impl RequestHead for JsonField {
    fn on_request_head(&mut self, inputs: &Inputs) -> Result<RequestVerdict, Failure> {
        let proceed = Proceed::new();
        let wants = self.can_read(inputs);
        Ok(if wants { proceed.buffer(self.config.max_bytes) } else { proceed }.into())
    }
}

impl RequestBody for JsonField {
    fn on_request_body(&mut self, _carry: Option<&[u8]>) -> Result<RequestBodyVerdict, Failure> {
        let (value, new) = match self.look() {
            Ok(found) => found,
            Err(why) => {
                let answer = weir_plugin_sdk::Answer::new(400).message("The body is not valid JSON");
                weir_plugin_sdk::logging::info(&why, &[]);
                return Ok(answer.reason("no-json").into());
            }
        };
        let mut proceed = ProceedWithBody::new();
        if let Some(value) = value {
            proceed = proceed.set_header(self.config.header.as_str(), value);
        }
        Ok(if let Some(new) = new { proceed.replace(new) } else { proceed }.into())
    }
}

impl ResponseHead for JsonField {
    fn on_response_head(&mut self, inputs: &Inputs, _: Option<&[u8]>) -> Result<ResponseVerdict, Failure> {
        let deliver = Deliver::new();
        let wants = self.can_read(inputs);
        Ok(if wants { deliver.buffer(self.config.max_bytes) } else { deliver }.into())
    }
}

impl ResponseBody for JsonField {
    fn on_response_body(&mut self, _carry: Option<&[u8]>) -> Result<ResponseBodyVerdict, Failure> {
        let (value, new) = self.look().map_err(Failure::permanent)?;
        let mut deliver = DeliverWithBody::new();
        if let Some(value) = value {
            deliver = deliver.set_header(self.config.header.as_str(), value);
        }
        Ok(if let Some(new) = new { deliver.replace(new) } else { deliver }.into())
    }
}

weir_plugin_sdk::export!(JsonField: request_head, request_body, response_head, response_body);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_plugin_sdk::testing::{Request, Response, Tester};

    use super::*;

    #[test]
    fn a_field_goes_into_a_header_and_another_one_leaves() {
        let config = json!({ "pointer": "/user/id", "header": "X-User", "remove": "secret" });
        let mut tester = Tester::<JsonField>::new(&config).unwrap();
        let request = Request::new("POST", "/").header("content-type", "application/json");
        let RequestVerdict::Proceed(head) = tester.request_head(&request).verdict.unwrap() else {
            panic!("it lets the request go on");
        };
        assert_eq!(format!("{:?}", head.body), "BodyMode::Buffer(65536)");
        let outcome = tester.request_body(&request, br#"{"user": {"id": "u7"}, "secret": 1}"#);
        assert_eq!(outcome.headers.get("x-user"), Some("u7"));
        assert_eq!(outcome.body, br#"{"user":{"id":"u7"}}"#);
        let broken = tester.request_body(&request, b"{");
        assert!(matches!(broken.verdict, Ok(RequestBodyVerdict::Respond(answer)) if answer.status == 400));
    }

    #[test]
    fn what_is_compressed_or_no_json_passes() {
        let config = json!({ "message": "response", "pointer": "/n", "header": "x-n" });
        let mut tester = Tester::<JsonField>::new(&config).unwrap();
        let request = Request::get("/");
        let json = Response::new(200).header("content-type", "application/json");
        for (response, passes) in [
            (Response::new(200).header("content-type", "text/html"), true),
            (json.clone().header("content-encoding", "gzip"), true),
            (json.clone(), false),
        ] {
            let ResponseVerdict::Proceed(head) = tester.response_head(&request, &response).verdict.unwrap()
            else {
                panic!("it lets the response go on");
            };
            assert_eq!(format!("{:?}", head.body) == "BodyMode::Pass", passes, "{response:?}");
        }
        assert_eq!(tester.response_body(&json, br#"{"n": 15}"#).headers.get("x-n"), Some("15"));
    }
}
