/**
 * What the catalog knows of a schema: one function a question, all of them pure reads that need no privilege on the
 * tables themselves. Schemas and tables are named unquoted. Source: PostgreSQL manual, chapter 52 (System Catalogs).
 */
export { type CatalogColumn, columns } from './catalog/columns.ts'
export { type CatalogConstraint, constraints } from './catalog/constraints.ts'
export { type ForeignKey, foreignKeysIn, foreignKeysTo, refersTo } from './catalog/foreign-keys.ts'
export { functions } from './catalog/functions.ts'
export { type CatalogIndex, indexes } from './catalog/indexes.ts'
export { type CatalogRelation, relations } from './catalog/relations.ts'
export { type Deferrability, type Validity, withQualifiedNames } from './catalog/scope.ts'
export { type CatalogTrigger, triggers } from './catalog/triggers.ts'
export { type CatalogType, types } from './catalog/types.ts'
export { type CatalogView, views } from './catalog/views.ts'
