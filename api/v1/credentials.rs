//! `/api/v1/credentials`, and all below it: vercel.json leads it here.

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    minireipaz::http::serve(minireipaz::http::routes::credentials::router()).await
}
