//! Which lists the schema offers, and which of them a set of queries reads. A new list, and a new filter of one, is missed
//! here until somebody looks at its plan.

use std::collections::{BTreeSet, HashMap};

use async_graphql_parser::{
    parse_query, parse_schema,
    types::{
        BaseType, DocumentOperations, Selection, SelectionSet, Type, TypeDefinition, TypeKind,
        TypeSystemDefinition,
    },
};
use async_graphql_value::Value;

/// The types of a schema.
pub struct Schema(HashMap<String, TypeDefinition>);

/// `Type.field` of lists, `Type.field(filter: name)` of their filters, `Type.field(orderBy: direction)` of their orders.
pub type Lists = BTreeSet<String>;

impl Schema {
    pub fn parse(sdl: &str) -> Self {
        let definitions = parse_schema(sdl).unwrap().definitions.into_iter();
        let types = definitions.filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(definition.node),
            _ => None,
        });
        Self(types.map(|definition| (definition.name.node.to_string(), definition)).collect())
    }

    /// Everything that can be asked for from `Query`.
    pub fn offers(&self) -> Lists {
        let mut lists = Lists::new();
        let (mut known, mut open) = (BTreeSet::new(), vec!["Query".to_owned()]);
        while let Some(name) = open.pop() {
            let Some(TypeKind::Object(object)) = self.0.get(&name).map(|known| &known.kind) else { continue };
            if !known.insert(name.clone()) {
                continue;
            }
            for field in object.fields.iter().map(|field| &field.node) {
                let target = named(&field.ty.node);
                open.push(target.clone());
                if !self.is_list(&name, &field.ty.node) {
                    continue;
                }
                let list = format!("{name}.{}", field.name.node);
                for argument in field.arguments.iter().map(|argument| &argument.node) {
                    let inner = self.inputs(&named(&argument.ty.node));
                    match argument.name.node.as_str() {
                        "filter" => lists.extend(inner.iter().map(|one| format!("{list}(filter: {one})"))),
                        "orderBy" => {
                            lists.extend(["ASC", "DESC"].map(|way| format!("{list}(orderBy: {way})")));
                        }
                        _ => {}
                    }
                }
                lists.insert(list);
            }
        }
        lists
    }

    /// What one query asks for.
    pub fn reads(&self, query: &str) -> Lists {
        let document = parse_query(query).unwrap();
        let DocumentOperations::Single(operation) = document.operations else { panic!("one query: {query}") };
        let mut lists = Lists::new();
        self.walk("Query", &operation.node.selection_set.node, &mut lists);
        lists
    }

    fn walk(&self, parent: &str, selections: &SelectionSet, lists: &mut Lists) {
        for selection in &selections.items {
            let Selection::Field(field) = &selection.node else { panic!("fields alone") };
            let field = &field.node;
            let Some(definition) = self.field(parent, field.name.node.as_str()) else { continue };
            if self.is_list(parent, definition) {
                let list = format!("{parent}.{}", field.name.node);
                for (name, value) in &field.arguments {
                    match (name.node.as_str(), &value.node) {
                        ("filter", filter) => filters(&list, filter, lists),
                        ("orderBy", Value::Object(order)) => {
                            lists.insert(format!("{list}(orderBy: {})", order["direction"]));
                        }
                        _ => {}
                    }
                }
                lists.insert(list);
            }
            self.walk(&named(definition), &field.selection_set.node, lists);
        }
    }

    fn field(&self, parent: &str, name: &str) -> Option<&Type> {
        let TypeKind::Object(object) = &self.0.get(parent)?.kind else { return None };
        object.fields.iter().find(|field| field.node.name.node == name).map(|field| &field.node.ty.node)
    }

    /// A connection, or a list of objects outside one.
    fn is_list(&self, parent: &str, ty: &Type) -> bool {
        let target = named(ty);
        let is_object = matches!(self.0.get(&target).map(|known| &known.kind), Some(TypeKind::Object(_)));
        target.ends_with("Connection")
            || is_object && matches!(ty.base, BaseType::List(_)) && !parent.ends_with("Connection")
    }

    fn inputs(&self, name: &str) -> Vec<String> {
        match self.0.get(name).map(|known| &known.kind) {
            Some(TypeKind::InputObject(input)) => {
                input.fields.iter().map(|field| field.node.name.node.to_string()).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The names of a filter's fields, those inside `and`, `or` and `not` too.
fn filters(list: &str, filter: &Value, lists: &mut Lists) {
    match filter {
        Value::Object(fields) => {
            for (name, value) in fields {
                lists.insert(format!("{list}(filter: {name})"));
                if ["and", "or", "not"].contains(&name.as_str()) {
                    filters(list, value, lists);
                }
            }
        }
        Value::List(several) => several.iter().for_each(|one| filters(list, one, lists)),
        _ => {}
    }
}

fn named(ty: &Type) -> String {
    match &ty.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(inner) => named(inner),
    }
}
