/** Builds an ONNX graph node by node; weights stay where they lie, in the file they came in. */

import {
  encodeModel,
  ONNX_ATTRIBUTE_TYPE,
  ONNX_DATA_TYPE,
  ONNX_EXTERNAL,
  type OnnxElementType,
} from './onnx-schema.ts';

/** IR version 8 goes with opset 17, which compilers for NPUs take. */
const IR_VERSION = 8;
const OPSET_VERSION = 17;
const MICROSOFT_DOMAIN = 'com.microsoft';

/** A floating-point attribute: ONNX tells `1` from `1.0`, JavaScript does not. */
export interface FloatAttribute {
  readonly float: number;
}
/** Whole numbers become INT, arrays of them INTS. */
export type AttributeValue = number | readonly number[] | string | FloatAttribute;

export interface NodeOptions {
  /** Names of the outputs; one generated name when left out. */
  readonly outputs?: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly domain?: typeof MICROSOFT_DOMAIN;
}

/** Where the bytes of an external tensor lie. */
export interface ExternalData {
  /** File name, relative to the weights' folder. */
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** A number, or the name of a size that is only known when the graph runs. */
export type Dimension = number | string;

export class GraphBuilder {
  readonly #name: string;
  readonly #nodes: object[] = [];
  readonly #initializers: object[] = [];
  readonly #inputs: object[] = [];
  readonly #outputs: object[] = [];
  readonly #names = new Set<string>();
  #usesMicrosoft = false;

  constructor(name: string) {
    this.#name = name;
  }

  input(name: string, elementType: OnnxElementType, shape: readonly Dimension[]): string {
    this.#inputs.push(valueInfo(this.#claim(name), elementType, shape));
    return name;
  }

  /** Declares a value that some node makes as an output of the graph. */
  output(name: string, elementType: OnnxElementType, shape: readonly Dimension[]): string {
    this.#outputs.push(valueInfo(name, elementType, shape));
    return name;
  }

  /** A small tensor that the graph itself holds. */
  constant(
    name: string,
    elementType: OnnxElementType,
    shape: readonly number[],
    data: ArrayBufferView,
  ): string {
    this.#initializers.push({
      name: this.#claim(name),
      dims: shape,
      data_type: ONNX_DATA_TYPE[elementType],
      raw_data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    });
    return name;
  }

  /** A constant that needs no name of its own. */
  literal(elementType: OnnxElementType, shape: readonly number[], data: ArrayBufferView): string {
    return this.constant(`literal_${this.#initializers.length}`, elementType, shape, data);
  }

  /** A tensor whose bytes stay in another file. */
  external(
    name: string,
    elementType: OnnxElementType,
    shape: readonly number[],
    { location, offset, length }: ExternalData,
  ): string {
    this.#initializers.push({
      name: this.#claim(name),
      dims: shape,
      data_type: ONNX_DATA_TYPE[elementType],
      data_location: ONNX_EXTERNAL,
      external_data: [
        { key: 'location', value: location },
        { key: 'offset', value: String(offset) },
        { key: 'length', value: String(length) },
      ],
    });
    return name;
  }

  /** Adds a node and answers the name of its first output. An empty input name leaves it out. */
  node(opType: string, inputs: readonly string[], options: NodeOptions = {}): string {
    const { attributes = {}, domain = '' } = options;
    const outputs = (options.outputs ?? [this.#freeName(opType)]).map((name) => this.#claim(name));
    const [first] = outputs;
    if (first === undefined) throw new RangeError(`${opType}: a node has at least one output`);
    if (domain === MICROSOFT_DOMAIN) this.#usesMicrosoft = true;
    this.#nodes.push({
      input: inputs,
      output: outputs,
      name: first,
      op_type: opType,
      domain,
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
    return first;
  }

  /** The serialised ModelProto. */
  toBytes(): Uint8Array {
    const microsoft = this.#usesMicrosoft ? [{ domain: MICROSOFT_DOMAIN, version: 1 }] : [];
    return encodeModel({
      ir_version: IR_VERSION,
      producer_name: 'amanuensis',
      opset_import: [{ domain: '', version: OPSET_VERSION }, ...microsoft],
      graph: {
        name: this.#name,
        node: this.#nodes,
        initializer: this.#initializers,
        input: this.#inputs,
        output: this.#outputs,
      },
    });
  }

  #claim(name: string): string {
    if (this.#names.has(name)) throw new RangeError(`${this.#name}: ${name} is defined twice`);
    this.#names.add(name);
    return name;
  }

  #freeName(opType: string): string {
    return `${opType}_${this.#nodes.length}`;
  }
}

function valueInfo(
  name: string,
  elementType: OnnxElementType,
  shape: readonly Dimension[],
): object {
  const dim = shape.map((size) =>
    typeof size === 'number' ? { dim_value: size } : { dim_param: size },
  );
  return {
    name,
    type: { tensor_type: { elem_type: ONNX_DATA_TYPE[elementType], shape: { dim } } },
  };
}

function attribute(name: string, value: AttributeValue): object {
  if (typeof value === 'number') return { name, type: ONNX_ATTRIBUTE_TYPE.int, i: value };
  if (typeof value === 'string') {
    return { name, type: ONNX_ATTRIBUTE_TYPE.string, s: new TextEncoder().encode(value) };
  }
  if ('float' in value) return { name, type: ONNX_ATTRIBUTE_TYPE.float, f: value.float };
  return { name, type: ONNX_ATTRIBUTE_TYPE.ints, ints: value };
}
