//! Batches what resolvers ask for one by one: however many rows a page has, one query a kind. Lives for one request.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex},
};

use async_graphql::Context;
use dataloader::{BatchFn, cached};

use super::CtxExt;
use crate::base::{
    ctx::Ctx,
    error::{Error, Result},
};

/// One kind of batched read. Implementations read inside the caller's organisation.
pub trait Fetch: Send + Sync + 'static {
    /// What is asked by.
    type Key: Eq + Hash + Clone + Send + Sync + std::fmt::Debug + 'static;
    /// What is found.
    type Value: Clone + Send + Sync + 'static;

    /// Reads all keys at once; what is missing in the answer does not exist.
    fn fetch(
        ctx: &Ctx,
        keys: Vec<Self::Key>,
    ) -> impl Future<Output = Result<HashMap<Self::Key, Self::Value>>> + Send;
}

type Answer<F> = Result<Option<<F as Fetch>::Value>, Arc<Error>>;
type Loader<F> = cached::Loader<<F as Fetch>::Key, Answer<F>, Batch<F>>;

struct Batch<F> {
    ctx: Ctx,
    kind: std::marker::PhantomData<F>,
}

impl<F: Fetch> BatchFn<F::Key, Answer<F>> for Batch<F> {
    async fn load(&mut self, keys: &[F::Key]) -> HashMap<F::Key, Answer<F>> {
        match F::fetch(&self.ctx, keys.to_vec()).await {
            Ok(mut found) => keys.iter().map(|key| (key.clone(), Ok(found.remove(key)))).collect(),
            Err(error) => {
                let error = Arc::new(error);
                keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect()
            }
        }
    }
}

/// The loaders of one request, made when first asked for. The edge puts a fresh one beside the context.
#[derive(Default)]
pub struct Loaders(Mutex<HashMap<TypeId, Box<dyn Any + Send + Sync>>>);

impl Loaders {
    fn of<F: Fetch>(&self, ctx: &Ctx) -> Loader<F> {
        let mut made = self.0.lock().expect("no panic holds it");
        let loader = made.entry(TypeId::of::<F>()).or_insert_with(|| {
            let batch = Batch::<F> { ctx: ctx.clone(), kind: std::marker::PhantomData };
            Box::new(Loader::<F>::new(batch))
        });
        loader.downcast_ref::<Loader<F>>().expect("keyed by its type").clone()
    }

    /// Forgets what was read: between the events of a subscription, which would see old rows otherwise.
    pub fn forget(&self) {
        self.0.lock().expect("no panic holds it").clear();
    }
}

/// Asks for one value; all that ask in the same moment share a query.
pub async fn load<F: Fetch>(gql: &Context<'_>, key: F::Key) -> Result<Option<F::Value>> {
    let ctx = gql.ctx()?;
    let loaders = gql.data::<Loaders>().map_err(|error| Error::internal(error.message))?;
    let loader = loaders.of::<F>(ctx);
    // A sibling whose batch was cancelled leaves this key unanswered: ask once more.
    let answer = match loader.try_load(key.clone()).await {
        Ok(answer) => answer,
        Err(_) => loader.try_load(key).await.map_err(Error::internal)?,
    };
    answer.map_err(|error| shared(&error))
}

/// Each asker gets its own error of the same kind.
fn shared(error: &Arc<Error>) -> Error {
    Error {
        retry_after: error.retry_after,
        cause: error.cause.as_ref().map(|cause| cause.to_string().into()),
        ..Error::new(error.code, error.message.clone())
    }
}
