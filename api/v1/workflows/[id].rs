//! `/api/v1/workflows/{id}`.

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    minireipaz::http::serve(minireipaz::http::routes::workflow::router()).await
}
