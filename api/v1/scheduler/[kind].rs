//! `/api/v1/scheduler/{kind}`.

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    minireipaz::http::serve(minireipaz::http::routes::scheduler::router()).await
}
