//! The parts of the gateway that plugins reach through the host, in the form that the host asks for.

use std::sync::Arc;

use super::{Answer, Directory, FoundCredential, Outbound, OutboundError, OutboundRequest, OutboundResponse};
use crate::client::{ClientError, FetchError, FetchRequest, Fetcher};
use crate::exchange::ConsumerFacts;
use crate::identity::{Credential, Identity};

impl Directory for Identity {
    fn cached_credential(&self, kind: &str, key: &str) -> Option<Option<FoundCredential>> {
        Some(self.cached(kind, key)?.map(|credential| found(&credential)))
    }

    fn find_credential<'a>(
        &'a self,
        kind: &'a str,
        key: &'a str,
    ) -> Answer<'a, Result<Option<FoundCredential>, String>> {
        Box::pin(async move {
            let credential = Identity::find_credential(self, kind, key).await;
            Ok(credential.map_err(|error| error.to_string())?.map(|credential| found(&credential)))
        })
    }

    fn find_consumer<'a>(
        &'a self,
        id_or_username: &'a str,
    ) -> Answer<'a, Result<Option<Arc<ConsumerFacts>>, String>> {
        Box::pin(async move {
            Identity::find_consumer(self, id_or_username).await.map_err(|error| error.to_string())
        })
    }
}

fn found(credential: &Credential) -> FoundCredential {
    FoundCredential {
        consumer: Arc::clone(&credential.consumer),
        credential: Arc::clone(&credential.id),
        data_json: Arc::clone(&credential.data_json),
    }
}

impl Outbound for Fetcher {
    fn send(&self, request: OutboundRequest) -> Answer<'_, Result<OutboundResponse, OutboundError>> {
        Box::pin(async move {
            let OutboundRequest { method, url, headers, body, timeout, max_response_bytes, allow } = request;
            let url = url.parse().map_err(|_| OutboundError::Protocol)?;
            let request = FetchRequest { method, url, headers, body, timeout, max_response_bytes };
            let response = self.fetch(request, move |address| allow(address)).await.map_err(refused)?;
            Ok(OutboundResponse {
                status: response.status.as_u16(),
                headers: response.headers,
                body: response.body,
            })
        })
    }
}

fn refused(error: FetchError) -> OutboundError {
    match error {
        FetchError::Denied => OutboundError::Denied,
        FetchError::Timeout | FetchError::Client(ClientError::ConnectTimeout { .. }) => {
            OutboundError::Timeout
        }
        FetchError::TooLarge => OutboundError::TooLarge,
        FetchError::Client(ClientError::Resolve { .. }) => OutboundError::Dns,
        FetchError::Client(ClientError::Connect { .. }) => OutboundError::Connect,
        FetchError::Client(ClientError::Tls { .. }) => OutboundError::Tls,
        FetchError::Url | FetchError::Client(ClientError::Response(_)) => OutboundError::Protocol,
    }
}
