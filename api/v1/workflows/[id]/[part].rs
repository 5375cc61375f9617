//! `/api/v1/workflows/{id}/{part}`.

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    minireipaz::http::serve(minireipaz::http::routes::workflow_part::router()).await
}
