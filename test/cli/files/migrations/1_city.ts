/** The first migration of the program that is interrupted. */
export default "create table city (id integer primary key)"
