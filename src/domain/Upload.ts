/**
 * Uploads: a presigned address, and what came of it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../codec/Wire.ts"
import { BlobId } from "./Id.ts"

/**
 * What is about to be uploaded; `byteSize` is in bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export class PresignRequest extends Schema.Opaque<PresignRequest>()(
  Wire.Input({
    filename: Schema.String,
    contentType: Schema.String,
    byteSize: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
  })
) {}

/**
 * Where to upload (`signedUrl`: absolute, or relative to the backend's origin), and where the file will be (`url`).
 *
 * @category schemas
 * @since 0.1.0
 */
export class PresignedUrl extends Schema.Opaque<PresignedUrl>()(
  Wire.Struct({ blobId: BlobId, signedUrl: Schema.String, url: Schema.String })
) {}

/**
 * A file that was uploaded: its id, and where it can be fetched.
 *
 * @category schemas
 * @since 0.1.0
 */
export class UploadedFile extends Schema.Opaque<UploadedFile>()(Schema.Struct({ id: BlobId, url: Schema.String })) {}
