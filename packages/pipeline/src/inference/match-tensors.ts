/** Matches the tensors that a caller binds with the inputs or outputs that a graph declares. */

import { elementTypeOf } from './element-types.ts';
import {
  InferenceError,
  type Tensor,
  type TensorElementType,
  type TensorSpec,
} from './inference-port.ts';

/** A dimension whose size the graph leaves open. */
export const DYNAMIC_DIMENSION = -1;

export interface NamedTensor {
  readonly name: string;
  readonly elementType: TensorElementType;
  readonly tensor: Tensor;
}

/**
 * The tensors in the order of `specs`, one for each.
 *
 * @throws InferenceError `invalid_tensor` when a name, a type, a shape or a length does not fit.
 */
export function matchTensors(
  specs: readonly TensorSpec[],
  tensors: Readonly<Record<string, Tensor>>,
): readonly NamedTensor[] {
  const names = new Set(specs.map(({ name }) => name));
  const unknown = Object.keys(tensors).find((name) => !names.has(name));
  if (unknown !== undefined) {
    const known = [...names].join(', ');
    throw new InferenceError('invalid_tensor', `The graph has no ${unknown}; it has ${known}`);
  }
  return specs.map((spec) => {
    const tensor = Object.hasOwn(tensors, spec.name) ? tensors[spec.name] : undefined;
    if (tensor === undefined) {
      throw new InferenceError('invalid_tensor', `${spec.name} is not bound`);
    }
    const mismatch = mismatchOf(spec, tensor);
    if (mismatch !== undefined) {
      throw new InferenceError('invalid_tensor', `${spec.name} ${mismatch}`);
    }
    return { name: spec.name, elementType: spec.elementType, tensor };
  });
}

function mismatchOf(spec: TensorSpec, { data, shape }: Tensor): string | undefined {
  const elementType = elementTypeOf(data);
  if (elementType !== spec.elementType) return `is ${spec.elementType}, not ${elementType}`;
  const fits =
    shape.length === spec.shape.length &&
    spec.shape.every((size, axis) => size === DYNAMIC_DIMENSION || size === shape[axis]);
  if (!fits) return `has shape [${spec.shape.join(', ')}], not [${shape.join(', ')}]`;
  const length = shape.reduce((product, size) => product * size, 1);
  if (length !== data.length) {
    return `of shape [${shape.join(', ')}] has ${length} elements, not ${data.length}`;
  }
  return undefined;
}
