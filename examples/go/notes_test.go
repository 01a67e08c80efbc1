package notes

import (
	"os"
	"testing"
)

func TestSave(t *testing.T) {
	note := t.TempDir() + "/note"
	if err := Save(note, "text\n"); err != nil {
		t.Fatal(err)
	}
}

func TestArchive(t *testing.T) {
	note := t.TempDir() + "/note"
	if err := Save(note, "text\n"); err != nil {
		t.Fatal(err)
	}
	// Not yet part of what was learnt.
	if os.Getenv("ARCHIVE") != "" {
		if err := os.Symlink(note, note+".archive"); err != nil {
			t.Fatal(err)
		}
	}
}
