/** The PostgreSQL of the demonstration. */
export * from "../../../examples/fleet/Postgres.ts"
