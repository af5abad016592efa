//! Entries on their way to log plugins: gathered into batches, repeated when that may help, bounded.

mod deliver;
mod queue;
mod queues;

pub(crate) use queue::LogQueue;
pub(crate) use queues::LogQueues;
