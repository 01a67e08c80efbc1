// Package notes keeps notes in files: something to test.
package notes

import "os"

// Save writes a note.
func Save(path, text string) error {
	return os.WriteFile(path, []byte(text), 0o644)
}

// Archive moves a note to where it isn't in the way.
func Archive(path string) error {
	folder := path + ".archive"
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	return os.Rename(path, folder+"/note")
}
