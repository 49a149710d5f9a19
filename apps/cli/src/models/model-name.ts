/** Names under which the worker can serve a model. */

import { modelNameSchema } from '@amanuensis/contract';

export function isModelName(name: string): boolean {
  return modelNameSchema.safeParse(name).success;
}
