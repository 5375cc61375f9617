//! `/api/v1/runs/{id}`.

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    minireipaz::http::serve(minireipaz::http::routes::run::router()).await
}
