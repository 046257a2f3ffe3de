/** Some answers name neither themselves nor the model that served them; a caller's client wants both. */
export interface Named {
  readonly id: string;
  readonly model: string;
}

export const named = <Told extends Named>(told: Told, spanId: string, asked: string): Told =>
  told.id !== '' && told.model !== '' ? told : { ...told, id: told.id || `hindcast-${spanId}`, model: told.model || asked };
