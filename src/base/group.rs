//! Group work: calls that arrive while others are being worked on wait and are then worked on together, so that one
//! transaction, and one statement of many rows, serves them all. A call that is alone waits for nothing; one that spoils
//! its group fails alone, be it by an error or a panic, and one that nobody waits for any more is left out. Groups form within a purpose: a call of the API waits for none of a job's.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, stream};
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

use super::{
    error::{Error, ErrorCode, Result},
    purpose::Purpose,
};

/// Groups at work at once: one writes while another one's commit is under way.
const AT_ONCE: usize = 2;
/// Members of a group; more make statements longer, not cheaper.
const MOST: usize = 64;
/// Members of a group that failed which are worked on at once: one bad call must not take all of the pool's connections.
const ALONE_AT_ONCE: usize = 4;
/// How long a group may take: a connection that hangs must not keep a turn for ever. More than a lock is waited for.
const LONGEST: Duration = Duration::from_secs(8);

/// A call that can be worked on together with others of its kind.
pub trait Grouped: Send + Sync + Sized + 'static {
    /// What each is given.
    type Answer: Send + 'static;

    /// Works on all of them, or leaves nothing behind when it fails. One answer for each, in their order.
    fn work(group: &[&Self]) -> impl Future<Output = Result<Vec<Self::Answer>>> + Send;
}

/// Where calls of one kind meet.
pub struct Group<T: Grouped> {
    requests: Hall<T>,
    others: Hall<T>,
    longest: Duration,
}

/// Where those of one purpose wait.
struct Hall<T: Grouped> {
    waiting: Mutex<VecDeque<Member<T>>>,
    turns: Semaphore,
}

/// A call and where its answer goes.
type Member<T> = (T, oneshot::Sender<Result<<T as Grouped>::Answer>>);

impl<T: Grouped> std::fmt::Debug for Group<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("waiting", &self.hall().waiting().len()).finish_non_exhaustive()
    }
}

impl<T: Grouped> Default for Group<T> {
    fn default() -> Self {
        Self { requests: Hall::default(), others: Hall::default(), longest: LONGEST }
    }
}

impl<T: Grouped> Default for Hall<T> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

impl<T: Grouped> Group<T> {
    /// Has `call` worked on with those that wait beside it, in a task, so that a caller who goes away takes nobody's
    /// answer along.
    pub async fn join(self: Arc<Self>, call: T) -> Result<T::Answer> {
        let (answer, answered) = oneshot::channel();
        self.hall().waiting().push_back((call, answer));
        tokio::spawn(Purpose::current().run(async move {
            let hall = self.hall();
            let Ok(_turn) = hall.turns.acquire().await else { return };
            let (calls, answers): (Vec<T>, Vec<_>) = hall.take().into_iter().unzip();
            // Late answers are dropped, and whoever waited is told so below.
            let Ok(results) = timeout(self.longest, all_or_each(&calls)).await else { return };
            for (result, answer) in results.into_iter().zip(answers) {
                let _ = answer.send(result);
            }
        }));
        answered.await.map_err(|_| Error::unavailable("the group's work took too long and was given up"))?
    }

    fn hall(&self) -> &Hall<T> {
        if Purpose::current() == Purpose::Requests { &self.requests } else { &self.others }
    }
}

impl<T: Grouped> Hall<T> {
    fn take(&self) -> Vec<Member<T>> {
        let mut waiting = self.waiting();
        waiting.retain(|(_, answer)| !answer.is_closed());
        let some = waiting.len().min(MOST);
        waiting.drain(..some).collect()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<Member<T>>> {
        self.waiting.lock().expect("no panic happens under this lock")
    }
}

/// Works on all, or on each for itself when one of them spoils it. A database that is busy is not asked again.
async fn all_or_each<T: Grouped>(calls: &[T]) -> Vec<Result<T::Answer>> {
    if calls.is_empty() {
        return Vec::new();
    }
    match together(&calls.iter().collect::<Vec<_>>()).await {
        Ok(answers) => answers.into_iter().map(Ok).collect(),
        Err(error) if calls.len() == 1 => vec![Err(error)],
        Err(error) if error.code == ErrorCode::Unavailable => {
            let cause = error.to_string();
            calls.iter().map(|_| Err(Error::unavailable(cause.clone()))).collect()
        }
        Err(_) => stream::iter(calls).map(alone).buffered(ALONE_AT_ONCE).collect().await,
    }
}

async fn together<T: Grouped>(calls: &[&T]) -> Result<Vec<T::Answer>> {
    let working = AssertUnwindSafe(T::work(calls)).catch_unwind();
    working.await.unwrap_or_else(|_| Err(Error::internal("the work of a group panicked")))
}

async fn alone<T: Grouped>(call: &T) -> Result<T::Answer> {
    together(&[call]).await?.pop().ok_or_else(|| Error::internal("a call of a group was left unanswered"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    /// A number that hangs.
    const HANGS: usize = 999;

    /// Doubles a number; fails where a group holds 13, panics where it holds 666.
    struct Double(usize, Arc<AtomicUsize>);

    impl Grouped for Double {
        type Answer = (usize, usize);

        async fn work(group: &[&Self]) -> Result<Vec<Self::Answer>> {
            tokio::task::yield_now().await;
            assert!(group.iter().all(|call| call.0 != 666), "this one panics");
            if group.iter().any(|call| call.0 == HANGS) {
                std::future::pending::<()>().await;
            }
            if group.iter().any(|call| call.0 == 13) {
                return Err(Error::internal("an unlucky number"));
            }
            group[0].1.fetch_add(group.len(), Ordering::Relaxed);
            Ok(group.iter().map(|call| (call.0 * 2, group.len())).collect())
        }
    }

    fn calls(
        group: &Arc<Group<Double>>,
        worked: &Arc<AtomicUsize>,
        numbers: std::ops::Range<usize>,
    ) -> Vec<impl Future<Output = Result<(usize, usize)>> + use<>> {
        numbers.map(|number| group.clone().join(Double(number, worked.clone()))).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_call_is_worked_on_once_and_gets_its_own_answer() {
        let (group, worked) = (Arc::default(), Arc::default());
        let calls = calls(&group, &worked, 1_000..2_000).into_iter().map(tokio::spawn);
        for (number, answer) in join_all(calls).await.into_iter().enumerate() {
            assert_eq!(answer.unwrap().unwrap().0, (number + 1_000) * 2);
        }
        assert_eq!(worked.load(Ordering::Relaxed), 1_000);
    }

    #[tokio::test]
    async fn those_who_wait_together_are_worked_on_together() {
        let (group, worked) = (Arc::default(), Arc::default());
        for answer in join_all(calls(&group, &worked, 0..10)).await {
            assert_eq!(answer.unwrap().1, 10);
        }
    }

    #[tokio::test]
    async fn one_that_spoils_its_group_fails_alone() {
        for (numbers, spoilt) in [(10..20, 13), (660..670, 666)] {
            let (group, worked) = (Arc::default(), Arc::default());
            let answers = join_all(calls(&group, &worked, numbers.clone())).await;
            let failed = numbers.zip(&answers).filter(|(_, answer)| answer.is_err());
            assert_eq!(failed.map(|(number, _)| number).collect::<Vec<_>>(), [spoilt]);
            assert_eq!(worked.load(Ordering::Relaxed), 9);
        }
    }

    #[tokio::test]
    async fn one_that_hangs_keeps_no_turn_for_ever() {
        let group = Arc::new(Group { longest: Duration::from_millis(10), ..Group::default() });
        let worked = Arc::default();
        for _ in 0..=AT_ONCE {
            let hung = join_all(calls(&group, &worked, HANGS..HANGS + 1)).await;
            assert_eq!(hung[0].as_ref().unwrap_err().code, ErrorCode::Unavailable);
        }
        assert!(join_all(calls(&group, &worked, 1..2)).await[0].is_ok());
    }

    #[tokio::test]
    async fn one_that_nobody_waits_for_is_left_out() {
        let (group, worked) = (Arc::default(), Arc::default());
        let mut calls = calls(&group, &worked, 0..2).into_iter();
        let (gone, stays) = (calls.next().unwrap(), calls.next().unwrap());
        assert!(gone.now_or_never().is_none(), "it waits");
        assert_eq!(stays.await.unwrap(), (2, 1));
        assert_eq!(worked.load(Ordering::Relaxed), 1);
    }
}
