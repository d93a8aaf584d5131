//! Group work: calls that arrive while others are being worked on wait and are then worked on together, so that one
//! transaction, and one statement of many rows, serves them all. A call that is alone waits for nothing.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::sync::{Semaphore, oneshot};

use super::error::{Error, Result};

/// Groups at work at once: one writes while another one's commit is under way.
const AT_ONCE: usize = 2;
/// Members of a group; more make statements longer, not cheaper.
const MOST: usize = 64;

/// Calls of one kind; `T` is what each brings, `R` what each is given.
#[derive(Debug)]
pub struct Group<T, R> {
    waiting: Mutex<VecDeque<Member<T, R>>>,
    turns: Semaphore,
}

/// A call and where its answer goes.
type Member<T, R> = (T, oneshot::Sender<Result<R>>);

impl<T, R> Default for Group<T, R> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

impl<T: Send + 'static, R: Send + 'static> Group<T, R> {
    /// Has `call` worked on with those that wait beside it. `work` answers in the order of what it is given; it runs in a
    /// task, so that a caller who goes away takes nobody's answer along.
    pub async fn join<F>(
        self: Arc<Self>,
        call: T,
        work: impl FnOnce(Vec<T>) -> F + Send + 'static,
    ) -> Result<R>
    where
        F: Future<Output = Vec<Result<R>>> + Send,
    {
        let (answer, answered) = oneshot::channel();
        self.waiting().push_back((call, answer));
        tokio::spawn(async move {
            let Ok(_turn) = self.turns.acquire().await else { return };
            let (calls, answers): (Vec<T>, Vec<_>) = self.take().into_iter().unzip();
            if calls.is_empty() {
                return;
            }
            for (result, answer) in work(calls).await.into_iter().zip(answers) {
                let _ = answer.send(result);
            }
        });
        answered.await.map_err(|_| Error::internal("the group's work was given up"))?
    }

    fn take(&self) -> Vec<Member<T, R>> {
        let mut waiting = self.waiting();
        let some = waiting.len().min(MOST);
        waiting.drain(..some).collect()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<Member<T, R>>> {
        self.waiting.lock().expect("no panic happens under this lock")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn each_call_is_worked_on_once_and_gets_its_own_answer() {
        let group = Arc::new(Group::<usize, usize>::default());
        let worked = Arc::new(AtomicUsize::new(0));
        let calls = (0..1_000).map(|number| {
            let (group, worked) = (group.clone(), worked.clone());
            tokio::spawn(group.join(number, move |numbers| async move {
                worked.fetch_add(numbers.len(), Ordering::Relaxed);
                tokio::task::yield_now().await;
                numbers.into_iter().map(|number| Ok(number * 2)).collect()
            }))
        });
        let answers = join_all(calls).await;
        for (number, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.unwrap().unwrap(), number * 2);
        }
        assert_eq!(worked.load(Ordering::Relaxed), 1_000);
    }

    #[tokio::test]
    async fn those_who_wait_together_are_worked_on_together() {
        let group = Arc::new(Group::<(), usize>::default());
        let calls = (0..10).map(|_| {
            group.clone().join((), |calls| async move { calls.iter().map(|()| Ok(calls.len())).collect() })
        });
        for size in join_all(calls).await {
            assert_eq!(size.unwrap(), 10);
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_error_for_its_group_alone() {
        let group = Arc::new(Group::<bool, ()>::default());
        let work = |calls: Vec<bool>| async move {
            assert!(!calls[0], "this one panics");
            calls.into_iter().map(|_| Ok(())).collect()
        };
        assert!(group.clone().join(true, work).await.is_err());
        assert!(group.join(false, work).await.is_ok());
    }
}
