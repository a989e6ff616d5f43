/** `effect-kefu upload`: stores a file and prints its address. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import { UploadApi, type UploadSource } from "../rest/UploadApi.ts"
import * as progress from "./progress.ts"
import * as session from "./session.ts"
import * as text from "./text.ts"

const types: Readonly<Record<string, string>> = {
  ".gif": "image/gif",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".mp4": "video/mp4",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain",
  ".webm": "video/webm",
  ".webp": "image/webp",
  ".zip": "application/zip"
}

/** A file of this machine, read piece by piece. */
export const read = Effect.fnUntraced(function* (file: string, contentType: Option.Option<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { size } = yield* fs.stat(file)
  return {
    filename: path.basename(file),
    contentType: Option.getOrElse(
      contentType,
      () => types[path.extname(file).toLowerCase()] ?? "application/octet-stream"
    ),
    byteSize: Number(size),
    stream: fs.stream(file)
  } satisfies UploadSource
})

export const upload = Command.make(
  "upload",
  {
    ...session.flags,
    file: Argument.File("file", { mustExist: true }).pipe(Argument.withDescription("The file")),
    contentType: Flag.String("content-type").pipe(
      Flag.withDescription("The media type. Default: by the name's ending"),
      Flag.optional
    ),
    json: session.json
  },
  ({ contentType, file, json, ...input }) =>
    Effect.gen(function* () {
      const bar = yield* progress.make
      const source = yield* read(file, contentType)
      yield* Stream.unwrap(UploadApi.useSync((api) => api.uploadWithProgress(source))).pipe(
        Stream.runForEach((event) =>
          event._tag === "Progress"
            ? bar.show(event.loaded, event.total, source.filename)
            : Effect.andThen(bar.clear, Console.log(json ? text.line(event.file) : event.file.url))
        )
      )
    }).pipe(Effect.provide(session.layer(input)), session.reported)
).pipe(
  Command.withDescription("Store a file and print its address"),
  Command.withExamples([
    { command: "effect-kefu upload photo.png --json", description: "The id and the address, for a script" }
  ])
)
