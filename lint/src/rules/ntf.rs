//! NTF: calls handed to a supervisor.

mod handed;

family!("ntf": notify_on_write_or_default, notify_overridable, notify_used_as_policy, notify_without_listener, notify_without_wait_killable);
