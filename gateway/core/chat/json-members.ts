/** Reads members of a provider's JSON as the expected type. A member of another type counts as absent. */
import { isObject, type Json, type JsonObject } from './json.ts';

/** The string, or '' for any other type. */
export const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** The objects of an array; [] for any other type. Elements that are no objects are left out. */
export const listOf = (value: Json | undefined): readonly JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** The object, or {} for any other type. */
export const objectOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});
/** A token count; 0 for negative numbers and anything that is not a number. */
export const count = (value: Json | undefined): number => (typeof value === 'number' && value > 0 && Number.isFinite(value) ? value : 0);
