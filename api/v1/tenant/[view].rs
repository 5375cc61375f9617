//! `/api/v1/tenant/{view}`.

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    minireipaz::http::serve(minireipaz::http::routes::tenant::router()).await
}
