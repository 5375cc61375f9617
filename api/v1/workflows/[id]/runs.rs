//! `/api/v1/workflows/{id}/runs`.

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    minireipaz::http::serve(minireipaz::http::routes::workflow_runs::router()).await
}
