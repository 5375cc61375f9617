//! `/api/v1/scheduler/events`.

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    minireipaz::http::serve(minireipaz::http::routes::scheduler_events::router()).await
}
