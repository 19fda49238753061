//! The processor time of another program, in nanoseconds: what the scheduler counted for each of its threads.

/// User and system time of this program so far.
pub fn own_nanoseconds() -> u64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let parts = (u64::try_from(spent.tv_sec), u64::try_from(spent.tv_nsec));
    let (Ok(seconds), Ok(nanos)) = parts else { return 0 };
    seconds * 1_000_000_000 + nanos
}

/// User and system time of the program `pid` and all its threads so far.
pub fn nanoseconds(pid: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the server runs");
    threads
        .filter_map(|thread| {
            // A thread may end between the listing and the look.
            let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        })
        .sum()
}
