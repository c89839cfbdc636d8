/**
 * How a call becomes a request: plain data that a document, or one endpoint, is turned into when it is imported.
 *
 * @module
 */

export type Place = 'path' | 'query' | 'header' | 'cookie';

export type Style =
  | 'simple'
  | 'label'
  | 'matrix'
  | 'form'
  | 'spaceDelimited'
  | 'pipeDelimited'
  | 'deepObject';

export interface ParameterPlan {
  /** Member of the input. */
  readonly property: string;
  /** On the wire. */
  readonly name: string;
  readonly in: Place;
  readonly style: Style;
  readonly explode: boolean;
  readonly allowReserved: boolean;
  /** The value is sent as JSON text. */
  readonly json: boolean;
}

/** How one member of a form is sent. */
export interface PartPlan {
  readonly contentType?: string;
  readonly style?: Style;
  readonly explode?: boolean;
  readonly allowReserved?: boolean;
  /** Bytes: base64 text, or `{ data, filename?, contentType? }`. */
  readonly binary: boolean;
}

export type BodyKind = 'json' | 'multipart' | 'form' | 'text' | 'bytes';

export interface BodyPlan {
  readonly kind: BodyKind;
  /** As the document writes it. */
  readonly mediaType: string;
  readonly parts: ReadonlyMap<string, PartPlan>;
  /** The input itself is the body, as on a node's direct surface, instead of its member `body`. */
  readonly whole: boolean;
}

export interface RequestPlan {
  /** Upper case. */
  readonly method: string;
  /** With `{parameter}`. */
  readonly path: string;
  readonly parameters: readonly ParameterPlan[];
  readonly body: BodyPlan | undefined;
  readonly streaming: boolean;
}
