//! `/api/v1/workflows`.

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    minireipaz::http::serve(minireipaz::http::routes::workflows::router()).await
}
