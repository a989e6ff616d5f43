/**
 * Every export of a public module is documented, and so is every method and effect of the classes, services and interfaces
 * among them. Plain fields are told by their names and types. `npm run check` fails on one without a JSDoc comment.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { parseAst } from "rolldown/parseAst"

interface Node {
  readonly type: string
  readonly start: number
  readonly [field: string]: unknown
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "type" in value

const nodes = (value: unknown): ReadonlyArray<Node> =>
  Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : []

const nameOf = (node: Node): string => {
  const [named] = [...nodes(node["id"]), ...nodes(node["key"])]
  return String(named?.["name"] ?? named?.["value"] ?? "a member")
}

/** Whether a member is a method, or an effect, stream or function to call: no plain field. */
const acts = (member: Node): boolean => {
  if (/Method/.test(member.type)) return true
  const [type] = nodes((member["typeAnnotation"] as Node | null)?.["typeAnnotation"])
  if (type?.type === "TSFunctionType") return true
  const name = type?.["typeName"] as Node | undefined
  return /^(?:Effect|Stream|Layer)$/.test(nameOf({ type: "", start: 0, id: name?.["left"] }))
}

/** The members that an exported declaration shows and that act: of an interface, a class, or the shape of a service. */
const members = (declaration: Node): ReadonlyArray<Node> => {
  const own = nodes((declaration["body"] as Node | undefined)?.["body"])
  const shapes: Array<Node> = []
  const search = (node: Node): void => {
    for (const given of nodes((node["typeArguments"] as Node | undefined)?.["params"])) {
      if (given.type === "TSTypeLiteral") shapes.push(...nodes(given["members"]))
    }
    for (const callee of nodes(node["callee"])) search(callee)
  }
  for (const parent of nodes(declaration["superClass"])) search(parent)
  return [...own, ...shapes].filter(
    (member) =>
      (/^(?:TSPropertySignature|TSMethodSignature)$/.test(member.type) ||
        (/^(?:PropertyDefinition|MethodDefinition)$/.test(member.type) && member["kind"] !== "constructor")) &&
      member["override"] !== true &&
      member["computed"] !== true &&
      acts(member) &&
      member["accessibility"] !== "private" &&
      (member["key"] as Node).type !== "PrivateIdentifier"
  )
}

/** The inside of the sandbox's backend: its commands are those of the wire. */
const isDesk = (path: string) => path.startsWith("src/sandbox/desk/")

/** Modules in PascalCase are public, unless they are in a folder that the package's `exports` close. */
const isPublic = (path: string) => /\/[A-Z]\w*\.ts$/.test(path) && !/\/(?:internal|client|cli)\//.test(path)

/** What lacks a comment in a module, as `line: name`. */
export const undocumented = (path: string, text: string): ReadonlyArray<string> => {
  const isDocumented = (node: Node) => /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/.test(text.slice(0, node.start))
  const told = new Set<string>()
  const found: Array<string> = []
  const check = (node: Node, name: string) => {
    // Only the first overload is documented.
    if (!isDocumented(node) && !told.has(name))
      found.push(`${path}:${text.slice(0, node.start).split("\n").length}: ${name}`)
    told.add(name)
  }
  for (const statement of nodes(parseAst(text, { lang: "ts" }).body)) {
    const [declaration] = nodes(statement["declaration"])
    if (!statement.type.startsWith("Export") || declaration === undefined || declaration.type === "Identifier") continue
    const names =
      declaration.type === "VariableDeclaration"
        ? nodes(declaration["declarations"]).map(nameOf)
        : [nameOf(declaration)]
    check(statement, `${names.join(", ")} (${declaration.type})`)
    for (const member of isDesk(path) ? [] : members(declaration))
      check(member, `${names.join(", ")}.${nameOf(member)}`)
  }
  return found
}

if (import.meta.main) {
  const problems = Fs.readdirSync("src", { recursive: true, encoding: "utf8" })
    .map((path) => Path.posix.join("src", path))
    .filter(isPublic)
    .flatMap((path) => undocumented(path, Fs.readFileSync(path, "utf8")))
  for (const problem of problems) console.error(`${problem} has no JSDoc comment`)
  if (problems.length > 0) process.exitCode = 1
}
