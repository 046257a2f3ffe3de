/** Who answers each route of the table. */

import type { RouteName } from '../api/table.ts';
import { accessHandlers } from './access.ts';
import { configHandlers } from './config.ts';
import type { Handlers, SessionRoute } from './contract.ts';
import { exchangeHandlers } from './exchanges.ts';
import { gatewayHandlers } from './gateway.ts';
import { keyHandlers } from './keys.ts';
import { runHandlers } from './runs.ts';
import { usageHandlers } from './usage.ts';

export const handlers: Handlers<Exclude<RouteName, SessionRoute>> = {
  ...exchangeHandlers,
  ...usageHandlers,
  ...runHandlers,
  ...gatewayHandlers,
  ...configHandlers,
  ...accessHandlers,
  ...keyHandlers,
};
