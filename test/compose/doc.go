// Package compose brings the committed docker-compose.yml up with a real Docker engine and Compose, and breaks
// what it shows. Its tests have the build tag compose: make compose runs them.
package compose
