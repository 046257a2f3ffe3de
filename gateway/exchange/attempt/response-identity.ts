/** Some answers name neither themselves nor the model that served them; a caller's client wants both. */
export interface ResponseIdentity {
  readonly id: string;
  readonly model: string;
}

export const withIdentity = <Identified extends ResponseIdentity>(
  response: Identified,
  spanId: string,
  requestedModel: string,
): Identified =>
  response.id !== '' && response.model !== ''
    ? response
    : { ...response, id: response.id || `hindcast-${spanId}`, model: response.model || requestedModel };
