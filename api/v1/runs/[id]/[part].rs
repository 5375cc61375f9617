//! `/api/v1/runs/{id}/{part}`.

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    minireipaz::http::serve(minireipaz::http::routes::run_part::router()).await
}
