//! `/api/v1/hooks/{token}`, and all below it.

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    minireipaz::http::serve(minireipaz::http::routes::hooks::router()).await
}
