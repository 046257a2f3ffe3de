/** When a segment is closed. A whole one is one insert into each table, and an insert costs the engine nearly the same whatever it holds. */
export const segmentFramesMax = 2_500;
export const segmentBytesMax = 16 * 1024 * 1024;
export const segmentAgeMs = 5_000;
