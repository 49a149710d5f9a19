/**
 * The part of ONNX's protobuf schema that a generated graph needs.
 *
 * Field numbers are those of ONNX IR version 8 to 10 (https://onnx.ai/onnx/repo-docs/IR.html).
 */

import protobuf from 'protobufjs';

const SCHEMA = `
  syntax = "proto3";

  message Model {
    int64 ir_version = 1;
    string producer_name = 2;
    Graph graph = 7;
    repeated OperatorSet opset_import = 8;
  }
  message OperatorSet { string domain = 1; int64 version = 2; }
  message Graph {
    repeated Node node = 1;
    string name = 2;
    repeated Tensor initializer = 5;
    repeated ValueInfo input = 11;
    repeated ValueInfo output = 12;
  }
  message Node {
    repeated string input = 1;
    repeated string output = 2;
    string name = 3;
    string op_type = 4;
    repeated Attribute attribute = 5;
    string domain = 7;
  }
  message Attribute {
    string name = 1;
    float f = 2;
    int64 i = 3;
    bytes s = 4;
    repeated int64 ints = 8;
    int32 type = 20;
  }
  message Tensor {
    repeated int64 dims = 1;
    int32 data_type = 2;
    string name = 8;
    bytes raw_data = 9;
    repeated StringEntry external_data = 13;
    int32 data_location = 14;
  }
  message StringEntry { string key = 1; string value = 2; }
  message ValueInfo { string name = 1; Type type = 2; }
  message Type { TensorType tensor_type = 1; }
  message TensorType { int32 elem_type = 1; Shape shape = 2; }
  message Shape { repeated Dimension dim = 1; }
  message Dimension { int64 dim_value = 1; string dim_param = 2; }
`;

/** A tensor of a graph whose bytes lie in another file. */
export interface ExternalTensor {
  readonly name: string;
  /** `TensorProto.DataType`. */
  readonly dataType: number;
  readonly shape: readonly number[];
  /** File name, relative to the weights' folder. */
  readonly location: string;
  /** In bytes. */
  readonly offset: number;
  readonly length: number;
}

const Model = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('Model');

/** `TensorProto.DataType`. */
export const ONNX_DATA_TYPE = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
} as const;
export type OnnxElementType = keyof typeof ONNX_DATA_TYPE;

/** `AttributeProto.AttributeType`. */
export const ONNX_ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** `TensorProto.DataLocation.EXTERNAL`. */
export const ONNX_EXTERNAL = 1;

/** Serialises a ModelProto. */
export function encodeModel(model: Readonly<Record<string, unknown>>): Uint8Array {
  return Model.encode(Model.fromObject(model)).finish();
}

/**
 * The part of a serialised ModelProto that the schema above knows.
 *
 * @throws Error where the bytes are none.
 */
export function decodeModel(bytes: Uint8Array): DecodedModel {
  const model: unknown = Model.toObject(Model.decode(bytes), {
    longs: Number,
    arrays: true,
    defaults: true,
  });
  return model as DecodedModel;
}

/** @throws Error as {@link decodeModel}. */
export function readExternalTensors(bytes: Uint8Array): readonly ExternalTensor[] {
  const external = decodeModel(bytes).graph?.initializer.filter(
    ({ data_location }) => data_location === ONNX_EXTERNAL,
  );
  return (external ?? []).map(({ name, data_type, dims, external_data }) => {
    const said = new Map(external_data.map(({ key, value }) => [key, value]));
    return {
      name,
      dataType: data_type,
      shape: dims,
      location: said.get('location') ?? '',
      offset: Number(said.get('offset') ?? 0),
      length: Number(said.get('length') ?? 0),
    };
  });
}

interface DecodedModel {
  readonly opset_import: readonly { readonly domain: string; readonly version: number }[];
  readonly graph: {
    readonly node: readonly { readonly op_type: string; readonly domain: string }[];
    readonly initializer: readonly DecodedTensor[];
    readonly input: readonly DecodedValue[];
    readonly output: readonly DecodedValue[];
  } | null;
}

interface DecodedTensor {
  readonly name: string;
  readonly data_type: number;
  readonly dims: readonly number[];
  readonly data_location: number;
  readonly external_data: readonly { readonly key: string; readonly value: string }[];
}

interface DecodedValue {
  readonly name: string;
  readonly type: {
    readonly tensor_type: {
      readonly shape: {
        readonly dim: readonly { readonly dim_value: number; readonly dim_param: string }[];
      };
    };
  };
}
