//! `/api/v1/ping`.

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    minireipaz::http::serve(minireipaz::http::routes::ping::router()).await
}
