//! The tests that each store must pass, and the stores that must pass them.

macro_rules! store_suite {
    ($store:ident, $open:expr, [$($module:ident :: $test:ident),* $(,)?]) => {
        mod $store {
            $(#[tokio::test]
            async fn $test() {
                super::super::$module::$test(&$open).await;
            })*
        }
    };
    ($($store:ident: $open:expr),*) => {
        $(store_suite!($store, $open, [
            suite_runs::a_run_comes_back_as_it_was_recorded_with_its_steps_in_order,
            suite_runs::whatever_the_order_of_arrival_the_newest_attempt_and_revision_stay,
            suite_runs::a_finished_run_stays_finished,
            suite_runs::a_late_step_of_an_older_attempt_changes_nothing,
            suite_runs::heads_of_many_tenants_come_in_one_read_and_what_is_missing_is_left_out,
            suite_runs::a_tenant_never_sees_anothers_run,
            suite_runs::a_list_shows_each_run_once_page_by_page_even_at_equal_moments,
            suite_runs::a_run_that_was_accepted_twice_is_listed_once,
            suite_runs::text_that_looks_like_a_statement_is_only_text,
            suite_runs::many_at_once_are_all_recorded_and_all_read,
            suite_runs::a_run_that_is_seen_has_its_steps,
            suite_runs::a_large_output_survives,
            suite_runs::nothing_to_do_is_fine,
            suite_runs::dead_letters_are_kept,
            suite_workflows::the_newest_version_is_read_and_an_older_one_never_comes_back,
            suite_workflows::saving_a_version_again_changes_nothing,
            suite_workflows::a_deleted_workflow_is_hidden_and_stays_so,
            suite_workflows::versions_are_those_of_the_newest_and_of_what_exists,
            suite_workflows::of_many_that_claim_a_version_at_most_one_is_told_that_it_is_alone,
            suite_workflows::workflows_are_listed_newest_first_page_by_page,
            suite_workflows::a_tenant_never_sees_anothers_workflow,
            suite_workflows::a_document_comes_back_to_the_letter,
        ]);)*
    };
}

store_suite!(memory: minireipaz::store::memory::MemoryStore::new(), clickhouse: crate::store::clickhouse().await);
