// Package drivertest tries the SQL stores with real drivers on real databases.
// It is a module of its own so that they need no driver.
//
// The tests find PostgreSQL and MariaDB on this machine, or where
// GLOEBIT_TEST_POSTGRES and GLOEBIT_TEST_MYSQL say, as the drivers pgx and
// go-sql-driver/mysql write it. They make schemas and databases of their own
// there and remove them. Without a server they skip, but fail where
// GLOEBIT_TEST_REQUIRE is all.
package drivertest
