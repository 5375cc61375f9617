//! The OpenAPI document, made from the handlers.

use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::routes::{self, Routes};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Workflow automation API",
        description = "Workflows that call web APIs, branch, loop and wait, and survive crashes.\n\n\
            Every error is a problem document (RFC 9457, `application/problem+json`) with a `code` for programs, \
            the whole list of `violations` where there are several, and a `request_id` to quote.",
    ),
    servers((url = "/", description = "The host that serves this document.")),
    tags(
        (name = "workflows", description = "What is to be done."),
        (name = "runs", description = "What is being done, and what came of it."),
        (name = "hooks", description = "Addresses that start runs: webhooks."),
        (name = "tenant", description = "What concerns a tenant as a whole: statistics, alerts, dead letters."),
        (name = "credentials", description = "What calls show to web APIs. What they say is sealed and never comes back."),
        (name = "connectors", description = "For Kafka's HTTP sink connectors, not for clients."),
        (name = "health", description = "Signs of life."),
    ),
    security(("bearer" = [])),
    modifiers(&Schemes),
)]
struct Api;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "An OIDC access token. Its scopes: `workflows:read`, `workflows:write`, `runs:read`, `runs:write`, \
                 `credentials:read`, `credentials:write`.",
            ))
            .build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let description = "The connector's secret; `Authorization: Bearer <secret>` is taken too.";
        let cron = "`CRON_SECRET`, as Vercel Cron sends it.";
        let cron = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(cron)).build();
        components.add_security_scheme("cron", SecurityScheme::Http(cron));
        components.add_security_scheme(
            "connector",
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("X-API-KEY", description))),
        );
    }
}

/// The document of the whole API.
#[must_use]
pub fn document() -> Document {
    Routes::with_openapi(Api::openapi()).merge(routes::all()).into_openapi()
}
