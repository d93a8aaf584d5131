//! Whether the values of variables fit their declared types, so that a misfit is a request error (status 400, no
//! data) as the specification wants (`CoerceVariableValues`), not a field error. It reads the schema's SDL once and
//! never echoes a value; what a custom scalar accepts stays with the scalar.

use std::collections::{HashMap, HashSet};

use async_graphql::{Name, Value, Variables};
use async_graphql_parser::types::{
    BaseType, ExecutableDocument, InputObjectType, Type, TypeKind, TypeSystemDefinition,
};

use super::document::choose;
use super::{Refused, RefusedCode};

/// The input types of a schema, by name.
#[derive(Debug, Default)]
pub struct InputTypes(HashMap<Name, InputType>);

#[derive(Debug)]
enum InputType {
    Enum(HashSet<Name>),
    Object { fields: HashMap<Name, InputField>, one_of: bool },
    Custom,
}

#[derive(Debug)]
struct InputField {
    ty: Type,
    has_default: bool,
}

impl InputTypes {
    /// Reads the enums, input objects and scalars of an SDL, as the executor exports it; `None` when it is not SDL.
    pub fn from_sdl(sdl: &str) -> Option<Self> {
        let document = async_graphql_parser::parse_schema(sdl).ok()?;
        let types = document.definitions.into_iter().filter_map(|definition| {
            let TypeSystemDefinition::Type(definition) = definition else { return None };
            let one_of =
                definition.node.directives.iter().any(|directive| directive.node.name.node == "oneOf");
            let ty = match definition.node.kind {
                TypeKind::Enum(values) => {
                    InputType::Enum(values.values.into_iter().map(|value| value.node.value.node).collect())
                }
                TypeKind::InputObject(object) => InputType::Object { fields: fields(object), one_of },
                TypeKind::Scalar => InputType::Custom,
                TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_) => return None,
            };
            Some((definition.node.name.node, ty))
        });
        Some(Self(types.collect()))
    }

    /// Refuses the first variable of the chosen operation whose value is missing or does not fit its type.
    pub fn check(
        &self,
        document: &ExecutableDocument,
        operation_name: Option<&str>,
        variables: &Variables,
    ) -> Result<(), Refused> {
        for definition in &choose(document, operation_name)?.variable_definitions {
            let name = &definition.node.name.node;
            let ty = &definition.node.var_type.node;
            let path = Path { parent: None, name };
            match variables.get(name) {
                Some(value) => self.fits(value, ty, &path)?,
                None if ty.nullable || definition.node.default_value.is_some() => {}
                None => return Err(path.misfit(ty)),
            }
        }
        Ok(())
    }

    fn fits(&self, value: &Value, ty: &Type, path: &Path<'_>) -> Result<(), Refused> {
        match (&ty.base, value) {
            (_, Value::Null) if ty.nullable => Ok(()),
            (_, Value::Null) => Err(path.misfit(ty)),
            (BaseType::List(item), Value::List(values)) => {
                values.iter().try_for_each(|value| self.fits(value, item, path))
            }
            (BaseType::List(item), single) => self.fits(single, item, path),
            (BaseType::Named(name), value) => self.fits_named(value, name, ty, path),
        }
    }

    fn fits_named(&self, value: &Value, name: &Name, ty: &Type, path: &Path<'_>) -> Result<(), Refused> {
        let fits = match (name.as_str(), value) {
            ("Int", Value::Number(number)) => number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
            ("Float", Value::Number(_))
            | ("String" | "ID", Value::String(_))
            | ("Boolean", Value::Boolean(_)) => true,
            ("ID", Value::Number(number)) => number.as_i64().is_some() || number.as_u64().is_some(),
            ("Int" | "Float" | "String" | "ID" | "Boolean", _) => false,
            _ => return self.fits_defined(value, name, ty, path),
        };
        if fits { Ok(()) } else { Err(path.misfit(ty)) }
    }

    fn fits_defined(&self, value: &Value, name: &Name, ty: &Type, path: &Path<'_>) -> Result<(), Refused> {
        match (self.0.get(name), value) {
            (Some(InputType::Enum(values)), Value::String(word)) if values.contains(word.as_str()) => Ok(()),
            (Some(InputType::Enum(values)), Value::Enum(word)) if values.contains(word) => Ok(()),
            (Some(InputType::Object { fields, one_of }), Value::Object(given)) => {
                if *one_of && (given.len() != 1 || given.values().any(|value| *value == Value::Null)) {
                    return Err(path.refused("must have exactly one field, which is not null"));
                }
                if let Some(unknown) = given.keys().find(|key| !fields.contains_key(*key)) {
                    return Err(Path { parent: Some(path), name: unknown }.refused("is not a known field"));
                }
                fields.iter().try_for_each(|(name, field)| {
                    let path = Path { parent: Some(path), name };
                    match given.get(name) {
                        Some(value) => self.fits(value, &field.ty, &path),
                        None if field.ty.nullable || field.has_default => Ok(()),
                        None => Err(path.misfit(&field.ty)),
                    }
                })
            }
            (Some(InputType::Custom) | None, _) => Ok(()),
            (Some(_), _) => Err(path.misfit(ty)),
        }
    }
}

fn fields(object: InputObjectType) -> HashMap<Name, InputField> {
    let fields = object.fields.into_iter().map(|field| {
        let has_default = field.node.default_value.is_some();
        (field.node.name.node, InputField { ty: field.node.ty.node, has_default })
    });
    fields.collect()
}

/// Where in a variable a value stands, as `$input.to.phoneNumber`.
struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    name: &'a Name,
}

impl Path<'_> {
    fn refused(&self, why: &str) -> Refused {
        Refused::new(RefusedCode::Variable, format!("Variable \"{self}\" {why}."))
    }

    fn misfit(&self, ty: &Type) -> Refused {
        self.refused(&format!("needs a value of type {ty}"))
    }
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.parent {
            Some(parent) => write!(f, "{parent}.{}", self.name),
            None => write!(f, "${}", self.name),
        }
    }
}
