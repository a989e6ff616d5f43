/**
 * Uploads through presigned URLs.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { lazySchema } from "../codec/lazy.ts"
import * as Wire from "../codec/Wire.ts"
import { BlobId } from "./Id.ts"

/**
 * The file to upload; `byteSize` is in bytes. Not every file has a name.
 *
 * @category schemas
 * @since 0.1.0
 */
export class PresignRequest extends Schema.Opaque<PresignRequest>()(
  lazySchema(() =>
    Wire.Input({
      filename: Schema.optional(Schema.String),
      contentType: Schema.String,
      byteSize: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
    })
  )
) {}

/**
 * Where to upload (`signedUrl`: absolute, or relative to the backend's origin), and where the file will be (`url`).
 *
 * @category schemas
 * @since 0.1.0
 */
export class PresignedUrl extends Schema.Opaque<PresignedUrl>()(
  lazySchema(() => Wire.Struct({ blobId: BlobId, signedUrl: Schema.String, url: Schema.String }))
) {}

/**
 * An uploaded file: its id and URL.
 *
 * @category schemas
 * @since 0.1.0
 */
export class UploadedFile extends Schema.Opaque<UploadedFile>()(
  lazySchema(() => Schema.Struct({ id: BlobId, url: Schema.String }))
) {}
