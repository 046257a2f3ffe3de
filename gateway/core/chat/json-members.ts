/** Members of an answer as what they should be, and as nothing where they are something else. */
import { isObject, type Json, type JsonObject } from './json.ts';

export const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
export const listOf = (value: Json | undefined): readonly JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);
export const objectOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});
/** What is negative, or no number at all, counts nothing. */
export const count = (value: Json | undefined): number => (typeof value === 'number' && value > 0 && Number.isFinite(value) ? value : 0);
