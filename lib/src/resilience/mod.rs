//! Retries, breakers and deadlines around every outward call.
