/** What answers at the store's address is something else. */

/** The error of an answer that ClickHouse would not give, such as the page of a proxy. */
export const notClickHouse = (): Error => new Error('the answer is not from ClickHouse; check store.url, and what stands between');
