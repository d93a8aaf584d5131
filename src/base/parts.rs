//! What a feature keeps for the whole process, found by its type: base names no feature.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
};

/// One value a type, made when it is first asked for.
#[derive(Default)]
pub struct Parts(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts")
    }
}

impl Parts {
    /// The process's value of this type.
    pub fn of<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut parts = self.0.lock().expect("no panic happens under this lock");
        let part = parts.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default())).clone();
        part.downcast().unwrap_or_else(|_| unreachable!("{} is kept under its own id", type_name::<T>()))
    }
}
