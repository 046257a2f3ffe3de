/** Reads members of a provider's JSON as the expected type. A member of another type counts as absent. */
import { isObject, type Json, type JsonObject } from './json.ts';

export const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
export const listOf = (value: Json | undefined): readonly JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);
export const objectOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});
/** A token count; 0 for negative numbers and anything that is not a number. */
export const count = (value: Json | undefined): number => (typeof value === 'number' && value > 0 && Number.isFinite(value) ? value : 0);
