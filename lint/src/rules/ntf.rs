//! NTF: calls handed to a supervisor.

family!("ntf":);
